import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { nodeProblem, oldestNode } from './node-version.ts'

test('is what package.json asks for', () => {
  expect(packageJson.engines.node).toBe(`>=${oldestNode}`)
})

test.each(['24.11.0', '24.21.0', '25.0.0', '100.0.0'])('%s will do', (version) => {
  expect(nodeProblem(version)).toBeUndefined()
})

test.each(['24.10.9', '24.2.0', '20.20.2', '9.11.0'])('%s is too old', (version) => {
  expect(nodeProblem(version)).toBe(
    `tracardi-operator needs Node.js 24.11 or newer, and this is ${version}. The container image brings its own.`,
  )
})
