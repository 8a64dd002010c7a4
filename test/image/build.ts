// Builds images through testcontainers, and says what a build that failed had to say.
import { PassThrough, Readable } from 'node:stream'
import { GenericContainer, type ContainerRuntimeClient } from 'testcontainers'
import { messageOf } from '../cluster/sources/source.ts'

export interface Build {
  /** The folder with the Dockerfile; its .dockerignore counts. */
  readonly context: string
  /** The name of the image. */
  readonly name: string
  readonly target?: string
  readonly args?: Record<string, string>
}

const OUTPUT_LINES = 40

/** Builds an image, which stays until somebody removes it. Throws an error with the end of the output of the build. */
export async function buildImage(
  client: ContainerRuntimeClient,
  { context, name, target, args }: Build,
): Promise<void> {
  const output: string[] = []
  const restore = tee(client, (text) => output.push(text))
  const builder = GenericContainer.fromDockerfile(context).withBuildArgs(args ?? {})
  if (target !== undefined) builder.withTarget(target)
  try {
    await builder.build(name, { deleteOnExit: false })
  } catch (error) {
    const lines = readable(output.join('')).slice(-OUTPUT_LINES)
    throw new Error(`the image ${name} cannot be built: ${messageOf(error)}\n${lines.join('\n')}`, { cause: error })
  } finally {
    restore()
  }
}

/** testcontainers throws the output of a build away, and waits for ever when the engine refuses to begin one. */
function tee({ container: { dockerode } }: ContainerRuntimeClient, onOutput: (text: string) => void): () => void {
  const build = dockerode.buildImage.bind(dockerode)
  const buildImage = async (...[file, options]: Parameters<typeof build>): Promise<NodeJS.ReadableStream> => {
    try {
      const copy = new PassThrough()
      copy.on('data', (chunk: Buffer) => {
        onOutput(chunk.toString())
      })
      const stream = await build(file, options)
      return stream.pipe(copy)
    } catch (error) {
      onOutput(messageOf(error))
      return Readable.from([])
    }
  }
  Object.assign(dockerode, { buildImage })
  return () => Object.assign(dockerode, { buildImage: build })
}

/** The engine writes JSON lines like {"stream": "STEP 1/9 …"} and {"error": "…"}. */
function readable(output: string): string[] {
  return output.split('\n').flatMap((line) => {
    try {
      const { stream, error } = JSON.parse(line) as { stream?: string; error?: string }
      return (stream ?? error ?? '').split('\n').filter((text) => text.trim() !== '')
    } catch {
      return line === '' ? [] : [line]
    }
  })
}
