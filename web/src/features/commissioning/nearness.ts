/** Which site is nearest: only to put names in order, so the earth may be a ball. */

export interface Position {
  lon: number;
  lat: number;
}

const EARTH_M = 6_371_000;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Metres along the ground. */
export function distanceM(one: Position, other: Position): number {
  const dLat = radians(other.lat - one.lat);
  const dLon = radians(other.lon - one.lon);
  const a = Math.sin(dLat / 2) ** 2 + Math.cos(radians(one.lat)) * Math.cos(radians(other.lat)) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(a)));
}

/** Nearest first; those without a position behind all others, in the order they had. */
export function nearestFirst<T extends { lon: number | null; lat: number | null }>(sites: readonly T[], here: Position | null): { site: T; metres: number | null }[] {
  const measured = sites.map((site) => ({ site, metres: here === null || site.lon === null || site.lat === null ? null : distanceM(here, { lon: site.lon, lat: site.lat }) }));
  return here === null ? measured : [...measured].sort((one, other) => (one.metres ?? Infinity) - (other.metres ?? Infinity));
}

/** Where the phone is; null when it does not say. */
export function whereAmI(): Promise<Position | null> {
  return new Promise((resolve) => {
    if (!('geolocation' in navigator)) return resolve(null);
    navigator.geolocation.getCurrentPosition(
      (said) => resolve({ lon: said.coords.longitude, lat: said.coords.latitude }),
      () => resolve(null),
      { maximumAge: 60_000, timeout: 8_000 },
    );
  });
}
