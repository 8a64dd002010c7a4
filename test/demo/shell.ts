// The shell of the demo: what it shows is what it runs.
import { dirname, isAbsolute } from 'node:path'
import type * as z from 'zod'
import { run } from '../cluster/sources/source.ts'
import { helmPath, kubectlPath } from '../cluster/tools.ts'
import type { Terminal } from './terminal.ts'

export interface ShellOptions {
  terminal: Terminal
  /** Where commands run. */
  directory: string
  kubeconfig: string
  signal: AbortSignal
}

/** The PATH on which `kubectl` and `helm` are the ones that were found. */
const pathWithTools = async (): Promise<string> => {
  const folders = [await kubectlPath(), await helmPath()]
    .filter((path) => isAbsolute(path))
    .map((path) => dirname(path))
  return [...new Set(folders), process.env['PATH'] ?? ''].join(':')
}

export class Shell {
  readonly directory: string
  readonly #terminal: Terminal
  readonly #env: NodeJS.ProcessEnv
  readonly #signal: AbortSignal

  static async open(options: ShellOptions): Promise<Shell> {
    return new Shell(options, await pathWithTools())
  }

  private constructor({ terminal, directory, kubeconfig, signal }: ShellOptions, path: string) {
    this.#terminal = terminal
    this.directory = directory
    this.#signal = signal
    // A discovery cache of its own: ports, and so addresses of clusters, come again.
    this.#env = { ...process.env, PATH: path, KUBECONFIG: kubeconfig, KUBECACHEDIR: `${directory}/.kube-cache` }
  }

  /** Sets a variable for all commands that follow. */
  export(name: string, value: string): void {
    this.#env[name] = value
  }

  /** Shows a command, runs it and shows what it printed. Throws when it fails. */
  async show(command: string, directory = this.directory): Promise<string> {
    this.#terminal.command(command)
    const { code, stdout } = await this.#run(`exec 2>&1\n${command}`, directory)
    this.#terminal.output(stdout)
    if (code !== 0) throw new Error(`that command ended with exit code ${String(code)}`)
    return stdout
  }

  /** Runs a command without a word. Throws when it fails. */
  async quiet(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.#run(command)
    if (code !== 0) throw new Error(`${command} ended with exit code ${String(code)}: ${stderr.trim()}`)
    return stdout
  }

  /** What `kubectl get … --output json` gives, as far as the schema goes. */
  async get<T>(what: string, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(JSON.parse(await this.quiet(`kubectl get ${what} --output json`)))
  }

  #run(command: string, directory = this.directory) {
    return run('sh', ['-c', command], { cwd: directory, env: this.#env, signal: this.#signal })
  }
}
