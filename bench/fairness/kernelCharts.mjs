import { INTERACTIVE_SETS } from './kernelClient.mjs';
import { burstWaits, lowShares, runSet } from './kernelRuns.mjs';
import { labelOf, POLICY_NAMES } from './world.mjs';

/** The worst wait of the interactive clients, the low client's share, and a burst after 100 jobs one by one. */
export function kernelCharts() {
  return {
    'kernel-latency': latencyChart(),
    'kernel-low-share': lowShareChart(),
    'kernel-burst': burstChart(),
  };
}

function latencyChart() {
  return {
    title: { text: 'Worst wait of the interactive client (one credit)', left: 'center' },
    legend: { top: 40 },
    grid: { top: 96, left: 60 },
    xAxis: { type: 'category', data: INTERACTIVE_SETS },
    yAxis: { type: 'log', min: 1, name: 'ms' },
    series: POLICY_NAMES.map((policy) => ({
      ...{ type: 'bar', name: labelOf(policy), label: { show: true, position: 'top' } },
      data: INTERACTIVE_SETS.map(
        (set) => Math.max(...runSet(policy, set, 1).latenciesUs[1]) / 1000,
      ),
    })),
  };
}

function lowShareChart() {
  return {
    title: { text: 'Share of a low client beside a normal one, both backlogged', left: 'center' },
    legend: { top: 40 },
    grid: { top: 96, left: 60 },
    xAxis: { type: 'value', name: 'ms', max: 400 },
    yAxis: { type: 'value', name: '% (its due: 11.1)', max: 100 },
    series: POLICY_NAMES.map((policy) => ({
      ...{ type: 'line', symbol: 'none', name: labelOf(policy) },
      data: lowShares(policy),
    })),
  };
}

function burstChart() {
  return {
    title: {
      text: 'Jobs of a burst after 100 jobs one by one, beside an equal client',
      left: 'center',
    },
    legend: { top: 40 },
    grid: { top: 96, left: 60 },
    xAxis: { type: 'value', name: 'ms' },
    yAxis: { type: 'value', name: 'jobs begun' },
    series: POLICY_NAMES.map((policy) => ({
      ...{ type: 'line', step: 'end', name: labelOf(policy) },
      data: burstWaits(policy).startsMs.map((ms, index) => [ms, index + 1]),
    })),
  };
}
