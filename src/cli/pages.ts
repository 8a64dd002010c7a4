/** What a code means: findings about credentials and about manifests in one form. */
import { explainFinding } from '../credentials/finding-pages.ts'
import type { Level } from './report.ts'
import { isManifestCode, manifestPages } from './manifest-codes.ts'

export interface Page {
  readonly code: string
  readonly severity: Level
  /** Whether `spec.credentials.waive` can name it. */
  readonly waivable: boolean
  /** The message, for an example. */
  readonly message?: string
  readonly meaning: string
  /** How it comes about. */
  readonly causes?: string
  readonly mend: string
  readonly commands: readonly string[]
}

/** Undefined: there is no such code. */
export function pageOf(code: string): Page | undefined {
  if (!isManifestCode(code)) return explainFinding(code)
  const { title, meaning, ...page } = manifestPages[code]
  return { code, waivable: false, ...page, meaning: `${title}. ${meaning}` }
}
