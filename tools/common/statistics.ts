/**
 * Figures from many figures.
 */

/** The smallest value that at least this part of all values reaches up to. */
export function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}
