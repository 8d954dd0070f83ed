// The statistics of mfbench/verdict, for any two commits that a reader chooses.
"use strict";

const made = new Map();

/** Return what `make` returns; call it only once for each key. */
function once(key, make) {
  if (!made.has(key)) made.set(key, make());
  return made.get(key);
}

/** Return in how many ways some of `count` things can be chosen. */
function combinations(count, chosen) {
  let ways = 1;
  for (let k = 0; k < chosen; k++) ways = (ways * (count - k)) / (k + 1);
  return ways;
}

/** Return the chance that at least `least` of `count` draws succeed, each with chance `share`. */
function binomialTail(least, count, share) {
  let tail = 0;
  for (let k = least; k <= count; k++) {
    tail += combinations(count, k) * share ** k * (1 - share) ** (count - k);
  }
  return Math.min(1, tail);
}

/**
 * Return which pairs of ordered samples make the median of a bootstrap sample, and how likely.
 * `median_weights` in mfbench/verdict/intervals.py explains the formula.
 */
function weightsOfMedians(count) {
  const found = [];
  const half = count >> 1;
  const rank = count % 2 ? half + 1 : half;
  for (let low = 0; low < count; low++) {
    let same = binomialTail(rank, count, (low + 1) / count) - binomialTail(rank, count, low / count);
    for (let high = low + 1; count % 2 === 0 && high < count; high++) {
      const below = ((low + 1) / count) ** half - (low / count) ** half;
      const above = ((count - high) / count) ** half - ((count - high - 1) / count) ** half;
      const weight = combinations(count, half) * below * above;
      same -= weight;
      found.push([low, high, weight]);
    }
    found.push([low, low, same]);
  }
  return found.filter(([, , weight]) => weight > LEAST_CHANCE);
}
const LEAST_CHANCE = 1e-6;

/** Return the medians that a bootstrap of some samples can have, with their chances, in order. */
function bootstrapMedians(samples) {
  const sorted = Float64Array.from(samples).sort();
  const weights = once(`medians of ${sorted.length}`, () => weightsOfMedians(sorted.length));
  const total = d3.sum(weights, ([, , weight]) => weight);
  const medians = weights.map(([low, high, weight]) => [(sorted[low] + sorted[high]) / 2, weight / total]);
  return d3.sort(medians, ([median]) => median);
}

/** Return the 95% interval of median(before) / median(after), and its logarithm's standard error. */
function ratioInterval(before, after) {
  const [above, below] = [before, after].map(bootstrapMedians);
  const tops = above.map(([median]) => median);
  const reached = [0, ...d3.cumsum(above, ([, chance]) => chance)];
  const shareUpTo = (ratio) =>
    d3.sum(below, ([median, chance]) => chance * reached[d3.bisectRight(tops, ratio * median)]);
  const [least, most] = [tops[0] / below.at(-1)[0], tops.at(-1) / below[0][0]];
  return {
    low: firstThat((ratio) => shareUpTo(ratio) >= 0.025, least, most),
    high: firstThat((ratio) => shareUpTo(ratio) >= 0.975, least, most),
    spread: Math.sqrt(varianceOfLogarithm(above) + varianceOfLogarithm(below)),
  };
}

function varianceOfLogarithm(medians) {
  const mean = d3.sum(medians, ([median, chance]) => chance * Math.log(median));
  return d3.sum(medians, ([median, chance]) => chance * (Math.log(median) - mean) ** 2);
}

/** Return the smallest number between two for which a condition holds, by bisection. */
function firstThat(holds, low, high) {
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Return in how many ways the ranks of two samples give each value of Mann and Whitney's U. */
function waysOfRanks(first, second) {
  const pairs = first * second;
  const ways = Array.from({ length: first + 1 }, () => new Array(pairs + 1).fill(0));
  ways[0][0] = 1;
  for (let rank = 1; rank <= first + second; rank++) {
    for (let k = Math.min(rank, first); k > 0; k--) {
      // The k-th value of the first sample is larger than so many of the second.
      const below = rank - k;
      for (let u = below; u <= pairs; u++) ways[k][u] += ways[k - 1][u - below];
    }
  }
  return ways[first];
}

/** Return the p-value of the two-sided rank test: exact, or by the normal distribution with ties. */
function mannWhitney(first, second) {
  const counts = new Map();
  for (const each of [...first, ...second]) counts.set(each, (counts.get(each) || 0) + 1);
  const total = first.length + second.length;
  const pairs = first.length * second.length;
  let u = 0;
  for (const one of first) {
    for (const other of second) u += one > other ? 1 : one === other ? 0.5 : 0;
  }
  const larger = Math.max(u, pairs - u);
  if (counts.size === total) {
    const sizes = [first.length, second.length];
    const ways = once(`ranks of ${sizes}`, () => waysOfRanks(...sizes));
    return Math.min(1, (2 * d3.sum(ways.slice(larger))) / d3.sum(ways));
  }
  const ties = d3.sum(counts.values(), (count) => count ** 3 - count);
  const variance = (pairs / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance <= 0) return 1;
  const z = (larger - pairs / 2 - 0.5) / Math.sqrt(variance);
  return Math.min(1, errorFunctionComplement(z / Math.SQRT2));
}

/** Return erfc(x) to within 1e-15, by a series (Abramowitz and Stegun 1964, 7.1.6). */
function errorFunctionComplement(x) {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Return the normal deviate that is exceeded with a chance below one half. */
function normalDeviate(chance) {
  return firstThat((deviate) => errorFunctionComplement(deviate / Math.SQRT2) / 2 <= chance, 0, 8);
}

/** Correct p-values for their number (Benjamini and Hochberg 1995). */
function adjusted(probabilities) {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
  const found = [];
  let least = 1;
  order.forEach((place, above) => {
    const rank = order.length - above;
    least = Math.min(least, (probabilities[place] * order.length) / rank);
    found[place] = least;
  });
  return found;
}
