// The rules of scripts/verdict.py. docs/method.md explains them; a test holds the two equal.
"use strict";

const VERDICTS = ["slower", "faster", "same", "can't tell", "not comparable", "not measured"];
const FEWEST_SAMPLES = 4;
const SIGNIFICANCE = 0.05;
const TIME_THRESHOLD = 0.03;
const COUNT_THRESHOLD = 0.005;
const COUNT_FLOOR = 0.0001;
const SIZE_THRESHOLD = 0.01;
const POWER = normalDeviate(0.2);
const TOO_FEW = `needs ${FEWEST_SAMPLES} rounds at least`;

/** Weigh the samples of one timed case; `control` is of the same code as `before`. */
function weigh(before, after, control) {
  const { low, high, spread } = ratioInterval(after, before);
  const middle = median(before);
  const floor = control.length ? off(median(control) / middle) : 0;
  return {
    ratio: median(after) / middle,
    low,
    high,
    spread,
    floor,
    margin: Math.max(TIME_THRESHOLD, floor),
    probability: mannWhitney([...before, ...control], after),
    processes: Math.min(before.length, after.length),
  };
}

/** Return how far a ratio is from 1 in either direction, as a share. */
function off(ratio) {
  return ratio ? Math.max(ratio, 1 / ratio) - 1 : Infinity;
}

/** Return the smallest slow-down that would have been seen four times out of five. */
function detectable(evidence, tests) {
  const beyondChance = normalDeviate(SIGNIFICANCE / 2 / tests) + POWER;
  const beyondMargin = Math.log1p(evidence.margin) + POWER * evidence.spread;
  return Math.expm1(Math.max(beyondMargin, beyondChance * evidence.spread));
}

/** Return the verdict on a timed case of a table of `tests`, and how to find out without one. */
function judgeTime(evidence, chance, tests) {
  const bound = Math.log1p(evidence.margin);
  if (chance <= SIGNIFICANCE && Math.abs(Math.log(evidence.ratio)) > bound) {
    return [evidence.ratio > 1 ? "slower" : "faster", ""];
  }
  const reach = Math.max(Math.abs(Math.log(evidence.low)), Math.abs(Math.log(evidence.high)));
  if (reach <= Math.log1p(TIME_THRESHOLD)) return ["same", ""];
  if (reach <= bound) return ["can't tell", "the control is as far off"];
  return ["can't tell", `about ${moreRounds(evidence, tests)} rounds more would tell`];
}

function moreRounds(evidence, tests) {
  const half = (Math.log(evidence.high) - Math.log(evidence.low)) / 2;
  const needed = Math.ceil(evidence.processes * ((2 * half) / Math.log1p(evidence.margin)) ** 2);
  let fewest = evidence.processes;
  while ((2 * tests) / combinations(3 * fewest, fewest) > SIGNIFICANCE) fewest++;
  return Math.max(1, needed - evidence.processes, fewest - evidence.processes);
}

function combinations(count, chosen) {
  let ways = 1;
  for (let k = 0; k < chosen; k++) ways = (ways * (count - k)) / (k + 1);
  return ways;
}

/** Return the verdict on a case that repeats, and how far the control was off. */
function judgeCount(before, after, control, unit) {
  const counted = unit === "instructions";
  let floor = control !== null && before ? off(control / before) : 0;
  if (counted) floor = Math.max(floor, COUNT_FLOOR);
  const change = before ? after / before - 1 : after ? Infinity : 0;
  const threshold = counted ? COUNT_THRESHOLD : SIZE_THRESHOLD;
  if (Math.abs(change) <= Math.max(threshold, floor)) return ["same", floor];
  return [change > 0 ? "slower" : "faster", floor];
}
