import { kafka, pipeline } from 'millrace';
import { decodeJson, map, sinkKafka, toDLQ, validate } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const Reading = z.object({ sensor: z.string(), celsius: z.number() });

describe('validate', () => {
  it.each([true, false])(
    'gives each branch values of its own, code made for the schema or not (%s)',
    async (codegen) => {
      const decoded = kafka('in').pipe(decodeJson(), toDLQ('dlq'));
      const changed = decoded.pipe(
        validate(Reading),
        map((reading) => Object.assign(reading, { celsius: 0 })),
        toDLQ('changed-dlq'),
        sinkKafka('changed'),
      );
      const kept = decoded.pipe(validate(Reading), toDLQ('kept-dlq'), sinkKafka('kept'));
      const driver = new TestDriver(pipeline('p', changed, kept), { codegen });
      await driver.start();
      await driver.append('in', [{ value: { sensor: 'a', celsius: 20 } }]);
      await driver.settle();
      expect(await driver.readJson('changed')).toEqual([{ sensor: 'a', celsius: 0 }]);
      expect(await driver.readJson('kept')).toEqual([{ sensor: 'a', celsius: 20 }]);
      await driver.stop();
    },
  );

  it.each([true, false])(
    'checks again what was changed since the decoder looked at it (code made: %s)',
    async (codegen) => {
      const twice = kafka('in').pipe(
        decodeJson(),
        validate(Reading),
        map((reading) => Object.assign(reading, { celsius: String(reading.celsius) })),
        validate(Reading),
        toDLQ('dlq'),
        sinkKafka('out'),
      );
      const driver = new TestDriver(pipeline('p', twice), { codegen });
      await driver.start();
      // The decoder looks at what comes behind the first batch, from which it learns.
      for (let batch = 0; batch < 2; batch++) {
        await driver.append(
          'in',
          Array.from({ length: 5 }, (_, celsius) => ({ value: { sensor: 'a', celsius } })),
        );
        await driver.settle();
      }
      expect(await driver.readJson('out')).toEqual([]);
      expect(await driver.read('dlq')).toHaveLength(10);
      await driver.stop();
    },
  );
});
