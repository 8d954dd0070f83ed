// The rules of mfbench/verdict/verdict.py. docs/understanding.md explains them; a test holds both equal.
"use strict";

const FEWEST_SAMPLES = 4;
const SIGNIFICANCE = 0.05;
const TIME_THRESHOLD = 0.03;
const COUNT_THRESHOLD = 0.005;
const COUNT_NOISE = 0.0001;
const SIZE_THRESHOLD = 0.01;
const MOST_ROUNDS = 100;
const BELOW_THRESHOLD = `below ${100 * TIME_THRESHOLD}%`;
const AS_MUCH = "the control differs as much";
const TOO_NOISY = "too noisy: ";
const POWER = normalDeviate(0.2);
const TOO_FEW = `needs at least ${FEWEST_SAMPLES} rounds`;

/** Compare the samples of one timed case; `control` is the same code as `before`. */
function testSamples(before, after, control) {
  const middle = d3.median(before);
  const controlNoise = control.length ? distanceFromOne(middle / d3.median(control)) : 0;
  return {
    ...ratioInterval(before, after),
    ratio: middle / d3.median(after),
    controlNoise,
    margin: Math.max(TIME_THRESHOLD, controlNoise),
    pValue: mannWhitney([...before, ...control], after),
    processes: Math.min(before.length, after.length),
  };
}

/** Return how far a ratio is from 1, as a share: 0.8 is as far as 1.25. */
function distanceFromOne(ratio) {
  return ratio ? Math.max(ratio, 1 / ratio) - 1 : Infinity;
}

/** Return whether the confidence interval excludes a ratio of 1. */
function excludesOne({ low, high }) {
  return low > 1 || high < 1;
}

/** Return the smallest change that would have been seen four times out of five, as a share. */
function detectable(evidence, tests) {
  const beyondChance = normalDeviate(SIGNIFICANCE / 2 / tests) + POWER;
  const beyondMargin = Math.log1p(evidence.margin) + POWER * evidence.spread;
  return Math.expm1(Math.max(beyondMargin, beyondChance * evidence.spread));
}

/** Return the verdict on a timed case of a table of `tests`, and why it is neither faster nor slower. */
function judgeTime(evidence, pValue, tests, witness) {
  const { ratio, margin } = evidence;
  const direction = ratio > 1 ? "faster" : "slower";
  const change = excludesOne(evidence) ? distanceFromOne(ratio) : 0;
  const reach = Math.max(distanceFromOne(evidence.low), distanceFromOne(evidence.high));
  const beyondChance = pValue <= SIGNIFICANCE || witness === direction;
  if (change > margin && beyondChance) return [direction, ""];
  if (reach <= TIME_THRESHOLD) return ["same", change ? BELOW_THRESHOLD : ""];
  if (change && change <= TIME_THRESHOLD) return ["can't tell", BELOW_THRESHOLD];
  if ((change && change <= margin) || reach <= margin) return ["can't tell", AS_MUCH];
  if (change) {
    const chance = `may be chance among ${tests} case${tests > 1 ? "s" : ""}`;
    return ["can't tell", `${chance} (adjusted p ${Number(pValue.toPrecision(2))})`];
  }
  const more = moreRounds(evidence, tests);
  if (more > MOST_ROUNDS) {
    const unseen = `changes below ${(100 * detectable(evidence, tests)).toFixed(0)}% are invisible`;
    return ["can't tell", TOO_NOISY + unseen];
  }
  return ["can't tell", `${more} more round${more > 1 ? "s" : ""} would narrow it`];
}

function moreRounds(evidence, tests) {
  const half = (Math.log(evidence.high) - Math.log(evidence.low)) / 2;
  const needed = Math.ceil(evidence.processes * ((2 * half) / Math.log1p(evidence.margin)) ** 2);
  let fewest = evidence.processes;
  while ((2 * tests) / combinations(3 * fewest, fewest) > SIGNIFICANCE) fewest++;
  return Math.max(1, needed - evidence.processes, fewest - evidence.processes);
}

/** Return the verdict on a case that repeats, and the control's noise as a share. */
function judgeCount(before, after, control, unit) {
  const counted = unit === "instructions";
  const threshold = counted ? COUNT_THRESHOLD : SIZE_THRESHOLD;
  const measured = control !== null && before ? distanceFromOne(control / before) : 0;
  const noise = Math.max(measured, counted ? COUNT_NOISE : 0);
  const change = before ? after / before - 1 : after ? Infinity : 0;
  if (Math.abs(change) <= Math.max(threshold, noise)) return ["same", noise];
  return [change > 0 ? "slower" : "faster", noise];
}
