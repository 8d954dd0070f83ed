// The rules of scripts/verdict.py. docs/method.md explains them; a test holds the two equal.
"use strict";

const VERDICTS = ["slower", "faster", "same", "can't tell", "not comparable", "not measured"];
const FEWEST_SAMPLES = 4;
const SIGNIFICANCE = 0.05;
const TIME_THRESHOLD = 0.03;
const COUNT_THRESHOLD = 0.005;
const COUNT_FLOOR = 0.0001;
const SIZE_THRESHOLD = 0.01;
const DETECTABLE = 1.96 + 0.84;
const TOO_FEW = `needs ${FEWEST_SAMPLES} rounds at least`;

/** Weigh the samples of one timed case; `control` is of the same code as `before`. */
function weigh(before, after, control) {
  const { low, high, spread } = ratioInterval(after, before);
  const middle = median(before);
  const floor = control.length ? Math.abs(median(control) / middle - 1) : 0;
  const margin = Math.max(TIME_THRESHOLD, floor);
  return {
    ratio: median(after) / middle,
    low,
    high,
    spread,
    floor,
    margin,
    probability: mannWhitney([...before, ...control], after),
    detectable: Math.max(margin, Math.expm1(DETECTABLE * spread)),
    processes: Math.min(before.length, after.length),
  };
}

/** Return the verdict on a timed case, and how to find out where there is none. */
function judgeTime(evidence, chance) {
  const bound = Math.log1p(evidence.margin);
  if (chance <= SIGNIFICANCE && Math.abs(Math.log(evidence.ratio)) > bound) {
    return [evidence.ratio > 1 ? "slower" : "faster", ""];
  }
  const reach = Math.max(Math.abs(Math.log(evidence.low)), Math.abs(Math.log(evidence.high)));
  if (reach <= bound) return ["same", ""];
  return ["can't tell", `about ${moreRounds(evidence)} rounds more would tell`];
}

function moreRounds(evidence) {
  const half = (Math.log(evidence.high) - Math.log(evidence.low)) / 2;
  const needed = evidence.processes * ((2 * half) / Math.log1p(evidence.margin)) ** 2;
  return Math.max(1, Math.ceil(needed) - evidence.processes);
}

/** Return the verdict on a case that repeats, and how far the control was off. */
function judgeCount(before, after, control, unit) {
  const counted = unit === "instructions";
  let floor = control !== null && before ? Math.abs(control / before - 1) : 0;
  if (counted) floor = Math.max(floor, COUNT_FLOOR);
  const change = before ? after / before - 1 : after ? Infinity : 0;
  const threshold = counted ? COUNT_THRESHOLD : SIZE_THRESHOLD;
  if (Math.abs(change) <= Math.max(threshold, floor)) return ["same", floor];
  return [change > 0 ? "slower" : "faster", floor];
}
