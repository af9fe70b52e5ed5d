import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceKm } from '../../../pipelines/card-transactions/places.ts';

const BERLIN = { lat: 52.52, lon: 13.405 };
const SYDNEY = { lat: -33.8688, lon: 151.2093 };
const place = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
});

describe('distanceKm', () => {
  it('is what maps say', () => {
    expect(distanceKm(BERLIN, { lat: 48.8566, lon: 2.3522 })).toBeCloseTo(877.5, 0);
    expect(distanceKm(BERLIN, SYDNEY)).toBeCloseTo(16_094, -1);
    expect(distanceKm({ lat: 0, lon: 179.9 }, { lat: 0, lon: -179.9 })).toBeCloseTo(22.24, 1);
    expect(distanceKm({ lat: 90, lon: 17 }, { lat: -90, lon: 99 })).toBeCloseTo(20_015.1, 0);
  });

  it('is a distance: the same both ways, none to itself, and never longer than half way around', () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        expect(distanceKm(a, b)).toBeCloseTo(distanceKm(b, a), 6);
        expect(distanceKm(a, a)).toBe(0);
        expect(distanceKm(a, b)).toBeLessThanOrEqual(20_015.2);
      }),
      { seed: 20_240_107 },
    );
  });
});
