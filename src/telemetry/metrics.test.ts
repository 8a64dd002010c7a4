import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'

/** The samples of one metric, without its comments. */
async function samples(metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> {
  const text = await metrics.registry.getSingleMetricAsString(name)
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('names are those of client-go and controller-runtime, or begin with ours or process_', async () => {
  const { registry } = createMetrics('1.2.3')
  const text = await registry.metrics()
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name)
  expect(names.length).toBeGreaterThan(15)
  for (const name of names)
    expect(name).toMatch(
      /^(?:rest_client_|workqueue_|controller_runtime_|leader_election_|tracardi_operator_|process_)[a-z_]+$/,
    )
  // Prometheus' own conventions: times in seconds, counters with _total.
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)/gm)) {
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    if (type === 'histogram') expect(name).toMatch(/_seconds$/)
  }
  expect(text).not.toMatch(/milliseconds|_ms[ {]/)
})

test('what is asked at a scrape is asked at each', async () => {
  const metrics = createMetrics('1.2.3')
  let age = 3
  let work = { unfinished: 5, longest: 4 }
  let resources: [string, string][] = [
    ['twilio', 'True'],
    ['twilio', 'True'],
    ['aws', 'False'],
  ]
  metrics.cacheAge('secrets', () => age)
  metrics.queue.inProgress('credentials', () => work)
  metrics.resources(() => resources)
  metrics.findings(() => resources.map(([service]) => [service, 'TrailingNewline']))
  expect(await samples(metrics, 'tracardi_operator_cache_age_seconds')).toEqual([
    'tracardi_operator_cache_age_seconds{name="secrets"} 3',
  ])
  expect(await samples(metrics, 'workqueue_unfinished_work_seconds')).toEqual([
    'workqueue_unfinished_work_seconds{name="credentials"} 5',
  ])
  expect(await samples(metrics, 'tracardi_operator_resources')).toEqual([
    'tracardi_operator_resources{service="twilio",ready="True"} 2',
    'tracardi_operator_resources{service="aws",ready="False"} 1',
  ])
  expect(await samples(metrics, 'tracardi_operator_findings')).toEqual([
    'tracardi_operator_findings{service="twilio",code="TrailingNewline"} 2',
    'tracardi_operator_findings{service="aws",code="TrailingNewline"} 1',
  ])
  age = 7
  work = { unfinished: 0, longest: 0 }
  // What is gone is not shown as 0 for ever.
  resources = [['twilio', 'False']]
  expect(await samples(metrics, 'tracardi_operator_cache_age_seconds')).toEqual([
    'tracardi_operator_cache_age_seconds{name="secrets"} 7',
  ])
  expect(await samples(metrics, 'workqueue_longest_running_processor_seconds')).toEqual([
    'workqueue_longest_running_processor_seconds{name="credentials"} 0',
  ])
  expect(await samples(metrics, 'tracardi_operator_resources')).toEqual([
    'tracardi_operator_resources{service="twilio",ready="False"} 1',
  ])
})

test('failed reconciles count twice: among all, and as errors', async () => {
  const { controller, registry } = createMetrics('1.2.3')
  controller.reconcile('delivery', 'error', 0.1)
  controller.reconcile('delivery', 'success', 0.1)
  const text = await registry.metrics()
  expect(text).toContain('controller_runtime_reconcile_total{controller="delivery",result="error"} 1')
  expect(text).toContain('controller_runtime_reconcile_errors_total{controller="delivery"} 1')
})
