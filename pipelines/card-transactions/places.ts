/** Distances on the earth. */

export interface Place {
  /** Degrees. */
  readonly lat: number;
  readonly lon: number;
}

/** Mean radius of the earth. */
const RADIUS_KM = 6_371.0088;

/**
 * Kilometres between two places, along the surface of a sphere.
 * @see R. W. Sinnott, Virtues of the Haversine, Sky and Telescope 68, 1984
 */
export function distanceKm(a: Place, b: Place): number {
  const half =
    haversine(b.lat - a.lat) + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * haversine(b.lon - a.lon);
  // Rounding may bring antipodes past 1.
  return 2 * RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, half)));
}

function haversine(degrees: number): number {
  return Math.sin(radians(degrees) / 2) ** 2;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
