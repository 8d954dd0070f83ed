// The statistics of scripts/intervals.py and scripts/verdict.py, for pairs that are chosen here.
"use strict";

/** Return the median of some numbers. */
function median(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Return the chance that at least `least` of `count` draws succeed, each with chance `share`. */
function binomialTail(least, count, share) {
  let tail = 0;
  let ways = 1;
  for (let k = 0; k <= count; k++) {
    if (k >= least) tail += ways * share ** k * (1 - share) ** (count - k);
    ways = (ways * (count - k)) / (k + 1);
  }
  return Math.min(1, tail);
}

const medianWeights = new Map();

/**
 * Return which pairs of ordered samples make the median of a bootstrap sample, and how likely.
 * See `median_weights` of scripts/intervals.py, which says where the formula is from.
 */
function weightsOfMedians(count) {
  if (medianWeights.has(count)) return medianWeights.get(count);
  const found = [];
  const half = count >> 1;
  const rank = count % 2 ? half + 1 : half;
  let ways = 1;
  for (let k = 0; k < half; k++) ways = (ways * (count - k)) / (k + 1);
  for (let low = 0; low < count; low++) {
    let same = binomialTail(rank, count, (low + 1) / count) - binomialTail(rank, count, low / count);
    for (let high = low + 1; count % 2 === 0 && high < count; high++) {
      const below = ((low + 1) / count) ** half - (low / count) ** half;
      const above = ((count - high) / count) ** half - ((count - high - 1) / count) ** half;
      const weight = ways * below * above;
      same -= weight;
      if (weight > LEAST_WEIGHT) found.push([low, high, weight]);
    }
    if (same > LEAST_WEIGHT) found.push([low, low, same]);
  }
  medianWeights.set(count, found);
  return found;
}
const LEAST_WEIGHT = 1e-6;

/** Return all medians that a bootstrap of some samples can have, with their chances, in order. */
function bootstrapMedians(samples) {
  const sorted = Float64Array.from(samples).sort();
  const found = weightsOfMedians(sorted.length).map(([low, high, weight]) => [
    (sorted[low] + sorted[high]) / 2,
    weight,
  ]);
  const total = found.reduce((sum, [, weight]) => sum + weight, 0);
  return found.map(([value, weight]) => [value, weight / total]).sort((x, y) => x[0] - y[0]);
}

/** Return the 95% interval of median / median, and the standard error of its logarithm. */
function ratioInterval(numerator, denominator) {
  const above = bootstrapMedians(numerator);
  const below = bootstrapMedians(denominator);
  const ratios = new Float64Array(above.length * below.length);
  above.forEach(([up], row) => {
    below.forEach(([down], column) => (ratios[row * below.length + column] = up / down));
  });
  ratios.sort();
  return {
    low: quantile(ratios, 0.025, above, below),
    high: quantile(ratios, 0.975, above, below),
    spread: Math.sqrt(varianceOfLogarithm(above) + varianceOfLogarithm(below)),
  };
}

/** Return the first of some sorted ratios below or at which a share of all chances lies. */
function quantile(ratios, share, above, below) {
  let low = 0;
  let high = ratios.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chanceUpTo(ratios[middle], above, below) >= share) high = middle;
    else low = middle + 1;
  }
  return ratios[low];
}

function chanceUpTo(ratio, above, below) {
  // The larger the denominator, the more numerators stay below.
  let sum = 0;
  let reached = 0;
  let place = 0;
  for (const [down, chance] of below) {
    while (place < above.length && above[place][0] / down <= ratio) reached += above[place++][1];
    sum += chance * reached;
  }
  return sum;
}

function varianceOfLogarithm(weighted) {
  const mean = weighted.reduce((sum, [value, weight]) => sum + weight * Math.log(value), 0);
  return weighted.reduce((sum, [value, weight]) => sum + weight * (Math.log(value) - mean) ** 2, 0);
}

const rankCounts = new Map();

/** Return in how many ways ranks of two samples give each value of U. */
function waysOfRanks(first, second) {
  const key = `${first},${second}`;
  if (!rankCounts.has(key)) {
    // Mann and Whitney (1947): by whether the largest value is of the first sample or the second.
    let ways = Array.from({ length: second + 1 }, () => [1]);
    for (let m = 1; m <= first; m++) {
      const next = [[1]];
      for (let n = 1; n <= second; n++) {
        const counts = new Array(m * n + 1).fill(0);
        ways[n].forEach((count, u) => (counts[u + n] += count));
        next[n - 1].forEach((count, u) => (counts[u] += count));
        next.push(counts);
      }
      ways = next;
    }
    rankCounts.set(key, ways[second]);
  }
  return rankCounts.get(key);
}

/** Return the two-sided rank test's probability: exact, but with ties by the normal distribution. */
function mannWhitney(first, second) {
  const all = [...first.map((x) => [x, 0]), ...second.map((x) => [x, 1])];
  all.sort((one, other) => one[0] - other[0]);
  const total = all.length;
  let ranksOfFirst = 0;
  let ties = 0;
  for (let start = 0; start < total; ) {
    let end = start;
    while (end < total && all[end][0] === all[start][0]) end++;
    const rank = (start + 1 + end) / 2;
    for (let k = start; k < end; k++) if (all[k][1] === 0) ranksOfFirst += rank;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  const pairs = first.length * second.length;
  const u = ranksOfFirst - (first.length * (first.length + 1)) / 2;
  const larger = Math.max(u, pairs - u);
  if (ties === 0) {
    const ways = waysOfRanks(first.length, second.length);
    let every = 0;
    let beyond = 0;
    ways.forEach((count, value) => {
      every += count;
      if (value >= larger) beyond += count;
    });
    return Math.min(1, (2 * beyond) / every);
  }
  const variance = (pairs / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance <= 0) return 1;
  const z = (larger - pairs / 2 - 0.5) / Math.sqrt(variance);
  return Math.min(1, errorFunctionComplement(z / Math.SQRT2));
}

/** Return erfc(x): a power series for small x, a continued fraction for large ones. */
function errorFunctionComplement(x) {
  if (x < 0) return 2 - errorFunctionComplement(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}

/** Return the normal deviate that is exceeded with some chance below a half. */
function normalDeviate(chance) {
  let low = 0;
  let high = 40;
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (errorFunctionComplement(middle / Math.SQRT2) / 2 > chance) low = middle;
    else high = middle;
  }
  return low;
}

/** Correct probabilities for how many they are (Benjamini and Hochberg 1995). */
function adjusted(probabilities) {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
  const found = new Array(probabilities.length);
  let least = 1;
  order.forEach((place, above) => {
    const rank = probabilities.length - above;
    least = Math.min(least, (probabilities[place] * probabilities.length) / rank);
    found[place] = least;
  });
  return found;
}
