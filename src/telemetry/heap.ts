/**
 * Imported first, for its effect: how far V8 lets the heap grow.
 *
 * The young generation stays small: V8 doubles it under load, up to 64 MB, and hardly ever gives that back, so after one list
 * of many large Secrets an operator that keeps nothing of them would stay 70 MB larger for ever. A controller waits for the
 * network; that it collects garbage a little more often is not to be seen in its figures (`npm run bench`).
 *
 * The old generation grows by a part of what is in use between two collections. By itself V8 lets it grow to four times as
 * much while objects come fast, as at the start, and by no more than 8 MB while they come slowly; then each rotation among
 * thousands of resources pays for marking all of these again, and costs the more the more of them there are.
 */
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--semi-space-growth-factor=1')
setFlagsFromString('--heap-growing-percent=40')
