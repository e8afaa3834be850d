import { expect, it } from 'vitest';
import { distanceM, nearestFirst } from './nearness';

it('measures along the ground', () => {
  expect(distanceM({ lon: 113.15, lat: 27.83 }, { lon: 113.15, lat: 27.84 })).toBeCloseTo(1112, -1);
});

it('puts the nearest first and those without a place last', () => {
  const sites = [
    { name: 'nowhere', lon: null, lat: null },
    { name: 'far', lon: 113.3, lat: 27.9 },
    { name: 'near', lon: 113.151, lat: 27.831 },
  ];
  expect(nearestFirst(sites, { lon: 113.15, lat: 27.83 }).map((one) => one.site.name)).toEqual(['near', 'far', 'nowhere']);
  expect(nearestFirst(sites, null).map((one) => one.site.name)).toEqual(['nowhere', 'far', 'near']);
});
