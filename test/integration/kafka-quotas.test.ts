/** A client under a quota: it keeps quiet for as long as the broker asks it to, and everything arrives. */
import { alterClientQuotasV1 } from '@platformatic/kafka';
import { expect, it } from 'vitest';
import { BrokerConnection } from '../../src/kafka/broker-connection.ts';
import { systemClock } from '../../src/time/clock.ts';
import { batchOf, numbered, readAll } from '../log/records.ts';
import { bootstrap, describeKafka, openKafka, uniqueName } from './kafka.ts';

const BYTES_A_SECOND = 400_000;
const RECORDS = 5_000;
const RECORD_BYTES = 1_000;

describeKafka('a quota', () => {
  it('slows appends and fetches down, and loses nothing', async () => {
    const clientId = uniqueName('slow');
    const [host, port] = bootstrap.split(':');
    const settings = { clientId: 'admin', clock: systemClock, tls: undefined, sasl: undefined };
    const connection = await BrokerConnection.open({ host, port: Number(port) }, settings);
    const rates = ['producer_byte_rate', 'consumer_byte_rate'] as const;
    const ops = rates.map((key) => ({ key, value: BYTES_A_SECOND, remove: false as const }));
    const entities = [{ entityType: 'client-id' as const, entityName: clientId }];
    await connection.call(alterClientQuotasV1.api, [{ entities, ops }], false);
    connection.drop();

    const client = await openKafka(bootstrap, { clientId });
    const topic = uniqueName('quota');
    await client.createTopics([{ topic, partitions: 1 }]);
    const began = performance.now();
    for (let part = 0; part < 10; part++) {
      await client.append([batchOf(topic, 0, numbered(RECORDS / 10, `p${part}-`, RECORD_BYTES))]);
    }
    const read = await readAll(client, { topic, partition: 0 }, 0, RECORDS);
    // A broker lets a first burst pass; what comes behind it has to wait.
    expect(performance.now() - began).toBeGreaterThan(1_000);
    expect(read.reduce((sum, { length }) => sum + length, 0)).toBe(RECORDS);
    await client.close();
  });
});
