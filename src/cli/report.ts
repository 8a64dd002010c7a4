/** What `validate` found, as data. The outputs are made from it, and nothing in it can hold a value. */
import type { FindingCode, Severity } from '../credentials/findings.ts'
import type { ManifestCode } from './manifest-codes.ts'

/** A note tells what could not be checked, or what is waived: it fails nothing. */
export type Level = Severity | 'note'

export interface Location {
  /** As it was given; `<stdin>` for `-`. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 code units. */
  readonly column: number
  readonly endLine: number
  /** The column after the last one. */
  readonly endColumn: number
  /** The template from which Helm made the document. */
  readonly source?: string
}

/** An object among the manifests. */
export interface ObjectName {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

export interface Reported {
  readonly code: FindingCode | ManifestCode
  readonly level: Level
  readonly waived: boolean
  /** Whole sentences: what is wrong, and how to mend it. */
  readonly message: string
  readonly location: Location
  readonly object: ObjectName
  readonly service?: string
  readonly field?: string
  readonly secret?: string
  readonly key?: string
}

/** Valid: nothing to complain about. Unchecked: its credentials are not among the manifests, as far as seen it is right. */
export type Result = 'valid' | 'invalid' | 'unchecked'

export interface CheckedResource {
  readonly namespace?: string
  readonly name: string
  readonly service: string
  /** Which set of fields the credentials make up. */
  readonly variant?: string
  readonly result: Result
  readonly location: Location
}

/** Something that could not be read at all. */
export interface Failure {
  readonly file: string
  readonly line?: number
  readonly column?: number
  readonly message: string
}

export interface Report {
  /** How many files were looked into. */
  readonly files: number
  /** How many Secrets were among the manifests. */
  readonly secrets: number
  readonly resources: readonly CheckedResource[]
  /** By file and place. */
  readonly findings: readonly Reported[]
  readonly failures: readonly Failure[]
}

/** 2: something could not be read. 1: something is wrong. 0: all is well. */
export function exitCodeOf(report: Report, strict: boolean): 0 | 1 | 2 {
  if (report.failures.length > 0) return 2
  const bad = report.findings.some(({ level }) => level === 'error' || (strict && level === 'warning'))
  return bad ? 1 : 0
}

export function countLevels(findings: readonly Reported[]): { errors: number; warnings: number; notes: number } {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length
  return { errors: count('error'), warnings: count('warning'), notes: count('note') }
}
