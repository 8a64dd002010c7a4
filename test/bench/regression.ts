// Whether a series of samples rises: a straight line through them, and how sure its slope is.

export interface Trend {
  /** Of the line of least squares, in units of y for one of x. */
  slope: number
  /** Half the width of the slope's 95 % confidence interval. */
  margin: number
}

/** Of Student's t for 95 %, by degrees of freedom; between two of them the larger value is taken. */
const quantiles: readonly (readonly [degrees: number, t: number])[] = [
  [1, 12.71],
  [2, 4.3],
  [3, 3.18],
  [4, 2.78],
  [5, 2.57],
  [6, 2.45],
  [8, 2.31],
  [10, 2.23],
  [15, 2.13],
  [20, 2.09],
  [30, 2.04],
  [60, 2],
  [120, 1.98],
]

const quantile = (degrees: number): number =>
  quantiles.findLast(([least]) => least <= degrees)?.[1] ?? Number.POSITIVE_INFINITY

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/**
 * Samples of a process are no independent measurements: one that is high is followed by another one. So the number of them
 * counts for less, by the autocorrelation of what the line leaves over, or the interval would be too narrow.
 */
export const trend = (points: readonly (readonly [x: number, y: number])[]): Trend => {
  const count = points.length
  if (count < 3) return { slope: Number.NaN, margin: Number.POSITIVE_INFINITY }
  const meanX = sum(points.map(([x]) => x)) / count
  const meanY = sum(points.map(([, y]) => y)) / count
  const spreadX = sum(points.map(([x]) => (x - meanX) ** 2))
  const slope = sum(points.map(([x, y]) => (x - meanX) * (y - meanY))) / spreadX
  const rest = points.map(([x, y]) => y - meanY - slope * (x - meanX))
  const squares = sum(rest.map((value) => value ** 2))
  if (squares === 0) return { slope, margin: 0 }
  const correlation = sum(rest.slice(1).map((value, index) => value * (rest[index] ?? 0))) / squares
  const positive = Math.max(0, correlation)
  const effective = (count * (1 - positive)) / (1 + positive)
  const degrees = effective - 2
  if (degrees < 1) return { slope, margin: Number.POSITIVE_INFINITY }
  return { slope, margin: quantile(degrees) * Math.sqrt(squares / degrees / spreadX) }
}
