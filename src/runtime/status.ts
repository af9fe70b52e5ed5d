/** A picture of a run at one instant, for the live view, the machine-readable lines and tests. */
import type { Coordinator } from '../checkpoint/coordinator.ts';
import type { Credit } from './credit.ts';
import type { NodeHost } from './node-host.ts';
import type { NodeStatus, PartitionStatus, RunStatus } from './run-options.ts';
import type { SourceReader } from './source-reader.ts';
import type { Task } from './task.ts';

type Facts = Omit<
  RunStatus,
  'nodes' | 'partitions' | 'rejected' | 'late' | 'lost' | 'lastCheckpoint' | 'creditUsed' | 'creditLimit'
> & { readonly task: Task; readonly coordinator: Coordinator; readonly credit: Credit };

export function statusOf({ task, coordinator, credit, ...facts }: Facts): RunStatus {
  return {
    ...facts,
    nodes: task.nodes.map(nodeStatus),
    partitions: task.readers.flatMap(partitionStatus),
    rejected: task.nodes.reduce((sum, { counts }) => sum + counts.rejected, 0),
    late: task.nodes.reduce((sum, { counts }) => sum + counts.late, 0),
    lost: task.readers.reduce((sum, { lost }) => sum + lost.reduce((a, b) => a + b, 0), 0),
    lastCheckpoint: coordinator.last,
    creditUsed: credit.used,
    creditLimit: credit.limit,
  };
}

function nodeStatus(host: NodeHost): NodeStatus {
  const { node, inputs } = host.planned;
  const { watermark, openWindows, stateEntries } = host.gauges();
  return {
    id: host.id,
    kind: node.kind,
    role: node.role,
    inputs: inputs.map(({ id }) => id),
    receives: node.receives,
    counts: { ...host.counts },
    watermark,
    openWindows,
    stateEntries,
  };
}

function partitionStatus(reader: SourceReader): PartitionStatus[] {
  return reader.origins.map(({ source, topic, partition }) => ({
    source,
    topic,
    partition,
    position: reader.positions[partition],
    end: reader.ends[partition],
    lag: Math.max(0, reader.ends[partition] - reader.positions[partition]),
    lost: reader.lost[partition],
    paused: reader.isPaused(partition),
  }));
}
