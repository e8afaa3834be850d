import { describe, expect, it } from 'vitest';
import { begin, heard, keep, kept, moves, off, pace, report, settle, takeBack, toCome, type Walk } from './walk';

const NOW = Date.parse('2026-11-25T10:00:00Z');
const at = (second: number): string => new Date(NOW + second * 1000).toISOString();

function readings(walk: Walk, from: number, ...values: number[]): Walk {
  return values.reduce((so, ma, index) => heard(so, { at: at(from + index * 10), ma }), walk);
}

describe('a walk', () => {
  it('counts readings, not seconds, and leaves the first one after switching out', () => {
    let walk = begin(7, 3, NOW);
    expect(toCome(walk.fresh)).toBe(3);
    walk = readings(walk, 0, 311, 310, 310);
    expect(toCome(walk.fresh)).toBe(0);
    walk = off({ ...walk, typed: ' 3 ' }, NOW + 30_000);
    expect(walk.current).toMatchObject({ breaker: '3', before: [{ ma: 310 }, { ma: 310 }] });
    walk = readings(walk, 40, 308, 30);
    expect([walk.measured, toCome(walk.current?.after ?? [])]).toEqual([false, 1]);
    walk = readings(walk, 60, 30);
    expect(walk.measured).toBe(true);
    walk = settle(walk, true, NOW + 70_000);
    expect(walk.steps).toEqual([{ breaker: '3', off_at: at(30), on_at: at(70), before: [{ at: at(10), ma: 310 }, { at: at(20), ma: 310 }], after: [{ at: at(50), ma: 30 }, { at: at(60), ma: 30 }] }]);
    expect(toCome(walk.fresh)).toBe(3);
    expect(report(walk, NOW + 80_000)).toMatchObject({ channel_id: 7, alarm_id: 3, began_at: at(0), ended_at: at(80) });
  });

  it('waits while the value moves, but not for ever', () => {
    const walk = off(readings(begin(7, null, NOW), 0, 300, 300, 300), NOW);
    const moving = readings(walk, 40, 290, 200, 100);
    expect([moving.measured, moves(moving.current?.after ?? [])]).toEqual([false, true]);
    expect(readings(moving, 70, 99).measured).toBe(true);
    expect(readings(moving, 70, 200, 100, 200).measured).toBe(true);
  });

  it('goes on from what was read where a breaker stays off', () => {
    const walk = readings(off(readings(begin(7, null, NOW), 0, 300, 300, 300), NOW), 40, 200, 200, 200);
    const on = settle(walk, false, NOW);
    expect([toCome(on.fresh), on.steps[0]?.on_at]).toEqual([0, null]);
  });

  it('gives the name back when nothing was switched, and takes a reading once', () => {
    const walk = readings(begin(7, null, NOW), 0, 300, 300, 300);
    expect(heard(walk, { at: at(0), ma: 1 })).toBe(walk);
    expect(takeBack(off({ ...walk, typed: 'kitchen' }, NOW))).toMatchObject({ typed: 'kitchen', current: null });
    expect(pace(walk.fresh)).toBe(10_000);
  });

  it('never tells a moment before the last one', () => {
    let walk = off(readings(begin(7, null, NOW), 0, 300, 300, 300), NOW - 5000);
    expect(walk.current?.off_at).toBe(at(0));
    walk = settle(readings(walk, 40, 9, 9, 9), true, NOW + 60_000);
    expect(off(walk, NOW).current?.off_at).toBe(at(60));
  });

  it('is there again after the page was closed', () => {
    const walk = begin(7, 3, NOW);
    keep(5, walk);
    expect([kept(5, NOW), kept(6, NOW)]).toEqual([walk, null]);
    expect(kept(5, NOW + 86_400_000)).toBeNull();
    keep(5, null);
    expect(kept(5, NOW)).toBeNull();
  });
});
