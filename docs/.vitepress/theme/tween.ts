/**
 * Shapes that move to their places, so that the eye can follow.
 */
import { onBeforeUnmount, shallowRef, watch } from 'vue';
import type { Place, Shape } from './scene.ts';

/** A shape on its way. */
export interface Moving extends Shape {
  /** From 0, not there, to 1. */
  opacity: number;
}

interface Way {
  shape: Shape;
  from: Place;
  to: Place;
  opacity: [from: number, to: number];
}

const DURATION_MS = 700;

/** @returns the shapes as they are to be drawn now */
export function useTween(shapes: () => Shape[]) {
  const drawn = shallowRef<Moving[]>(
    shapes().map((shape) => ({ ...shape, opacity: 1 })),
  );
  let frame = 0;

  watch(shapes, (next) => {
    cancelAnimationFrame(frame);
    const ways = findWays(drawn.value, next);
    const start = performance.now();
    const duration = wantsRest() ? 0 : DURATION_MS;
    const draw = (time: number) => {
      const part = duration === 0 ? 1 : Math.min(1, (time - start) / duration);
      drawn.value = ways.map((way) => at(way, ease(Math.max(0, part))));
      if (part < 1) frame = requestAnimationFrame(draw);
      else drawn.value = drawn.value.filter(({ opacity }) => opacity > 0);
    };
    draw(start);
  });
  onBeforeUnmount(() => cancelAnimationFrame(frame));
  return drawn;
}

function wantsRest(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

function findWays(before: Moving[], next: Shape[]): Way[] {
  const known = new Map(before.map((one) => [one.key, one]));
  const keys = new Set(next.map(({ key }) => key));
  const gone = before
    .filter(({ key }) => !keys.has(key))
    .map((shape): Way => {
      const { at, opacity } = shape;
      return { shape, from: at, to: leave(shape), opacity: [opacity, 0] };
    });
  const there = next.map((shape): Way => {
    const { at, opacity } = known.get(shape.key) ?? {
      at: shape.from ?? shape.at,
      opacity: 0,
    };
    return { shape, from: at, to: shape.at, opacity: [opacity, 1] };
  });
  return [...gone, ...there];
}

/** A line is drawn back to where it began. */
function leave({ kind, at: [x1, y1, x2, y2] }: Shape): Place {
  return kind === 'edge' ? [x1, y1, x1, y1] : [x1, y1, x2, y2];
}

function at({ shape, from, to, opacity }: Way, part: number): Moving {
  const between = (a: number, b: number) => a + (b - a) * part;
  const [x1, y1, x2, y2] = from;
  return {
    ...shape,
    at: [
      between(x1, to[0]),
      between(y1, to[1]),
      between(x2, to[2]),
      between(y2, to[3]),
    ],
    opacity: between(...opacity),
  };
}

function ease(part: number): number {
  return part < 0.5 ? 4 * part ** 3 : 1 - (-2 * part + 2) ** 3 / 2;
}
