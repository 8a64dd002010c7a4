/** The process of the operator: arguments, signals, exit codes. 0: stopped as told. 1: could not go on. 2: wrong arguments. */
import { KubeConfig } from '@kubernetes/client-node'
import packageJson from '../../package.json' with { type: 'json' }
import { OperatorError } from '../kube/errors.ts'
import { runOperator } from '../operator.ts'
import { parseArguments, usage } from '../settings.ts'
import { createLogger } from '../telemetry/log.ts'
import type { Logger } from '../telemetry/log.ts'

/** Runs until told to stop. Resolves to the exit code. */
export async function runOperatorProcess(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args, process.env)
  switch (parsed.kind) {
    case 'help':
      process.stdout.write(usage())
      return 0
    case 'version':
      process.stdout.write(`tracardi-operator ${packageJson.version}\n`)
      return 0
    case 'errors':
      process.stderr.write(`${parsed.errors.join('\n')}\nSee --help.\n`)
      return 2
    case 'settings':
  }
  const { settings } = parsed
  const log = createLogger(settings.logLevel)
  quietNode(log)
  const kubeConfig = new KubeConfig()
  try {
    kubeConfig.loadFromDefault()
  } catch {
    // The library's message may repeat pieces of the file.
    log.error({}, 'the kubeconfig cannot be read; set KUBECONFIG to a file that kubectl can use')
    return 1
  }
  if (!hasCluster(kubeConfig)) {
    const mend = 'set KUBECONFIG, or run in a Pod with a ServiceAccount token'
    log.error({}, `no cluster is configured; ${mend}; the commands that "help" lists need no cluster`)
    return 1
  }
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info({ signal: name }, 'stopping')
      stop.abort()
    })
  }
  try {
    const ending = await runOperator({ settings, kubeConfig, version: packageJson.version, log }, stop.signal)
    if (ending === 'LeaseLost') {
      log.error({}, 'the Lease is lost; exiting, so that nothing is written that another replica has taken over')
      return 1
    }
    log.info({}, 'stopped')
    return 0
  } catch (error) {
    log.error(failure(error), 'cannot go on')
    return 1
  }
}

/** Where nothing is configured, the library makes up an address, which is that of our own /livez. */
function hasCluster(kubeConfig: KubeConfig): boolean {
  const madeUp = kubeConfig.getCurrentContext() === 'loaded-context'
  return !madeUp && kubeConfig.getCurrentCluster() !== null
}

/** stdout carries JSON lines and stderr nothing: what Node itself has to say becomes a line of the log, without its text. */
function quietNode(log: Logger): void {
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    log.debug({ warning: warning.name }, 'a warning of Node')
  })
  process.on('unhandledRejection', (error) => {
    log.error(failure(error), 'unhandled rejection')
    process.exit(1)
  })
  process.on('uncaughtException', (error) => {
    log.error(failure(error), 'uncaught exception')
    process.exit(1)
  })
}

/** What may be logged of an error that nobody expected: its class and where it came from, not its message. */
function failure(error: unknown): object {
  if (error instanceof OperatorError) return { code: error.code, reason: error.reason, message: error.message }
  if (!(error instanceof Error)) return { error: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    error: error.name,
    code,
    at: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 5),
  }
}
