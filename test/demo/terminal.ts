// What the demo says, and how it looks. Colour only on a terminal, and not with NO_COLOR: styleText sees to both.
import { styleText } from 'node:util'

const WIDTH = 100

const wrap = (text: string): string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

/** Prints, and remembers what it printed. */
export class Terminal {
  readonly #printed: string[] = []

  /** Everything that was printed so far, without colours. */
  get transcript(): string {
    return this.#printed.join('\n')
  }

  #print(text: string, style?: Parameters<typeof styleText>[0]): void {
    this.#printed.push(text)
    console.log(style === undefined ? text : styleText(style, text))
  }

  title(text: string): void {
    this.#print('')
    this.#print(text, ['bold', 'cyan'])
  }

  /** A sentence or two of the story. */
  say(text: string): void {
    for (const line of wrap(text)) this.#print(line)
  }

  /** One line for whoever waits. */
  progress(line: string): void {
    this.#print(`  ${line}`, 'dim')
  }

  /** A command that is run as it stands. */
  command(text: string): void {
    this.#print('')
    this.#print(`$ ${text}`, 'bold')
  }

  /** What a command printed. */
  output(text: string): void {
    if (text.trim() !== '') this.#print(text.trimEnd())
  }

  verdict(kept: boolean, text: string): void {
    this.#print(`${kept ? '✓' : '✗'} ${text}`, kept ? 'green' : 'red')
  }

  problem(text: string): void {
    this.#print(text, 'red')
  }
}
