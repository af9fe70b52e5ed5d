/** `millrace dlq list|show|redrive NAME` */
import { dlqListCommand } from './dlq-list.ts';
import type { DlqCall } from './dlq-places.ts';
import { dlqRedriveCommand } from './dlq-redrive.ts';
import { dlqShowCommand } from './dlq-show.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { DlqInvocation } from './parse-dlq.ts';
import type { World } from './world.ts';

export function dlqCommand(loaded: LoadedPipeline, invocation: DlqInvocation, world: World): Promise<number> {
  const call: Omit<DlqCall, 'flags'> = { loaded, params: invocation.params, world };
  switch (invocation.command) {
    case 'dlq list':
      return dlqListCommand({ ...call, flags: invocation.flags });
    case 'dlq show':
      return dlqShowCommand({ ...call, flags: invocation.flags });
    case 'dlq redrive':
      return dlqRedriveCommand({ ...call, flags: invocation.flags });
  }
}
