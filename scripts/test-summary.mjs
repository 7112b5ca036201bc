// Prints `N passed, N failed, N skipped` from Vitest's JSON report and fails unless everything that ran passed.
// Usage: node scripts/test-summary.mjs REPORT EXIT_CODE_OF_THE_RUN
import { existsSync, readFileSync } from 'node:fs'

const [report, exitCode] = process.argv.slice(2)

const count = () => {
  if (!existsSync(report)) return { passed: 0, failed: 0, skipped: 0 }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  // A file that could not be loaded has failed without a test in it.
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return { passed: numPassedTests, failed: numFailedTests + broken.length, skipped: numPendingTests + numTodoTests }
}

const { passed, failed, skipped } = count()
// The run can fail beside its tests (lint, build, an unhandled rejection), and a run of no test has shown nothing.
const unexplained = failed === 0 && (exitCode !== '0' || passed === 0) ? 1 : 0
console.log(`${passed} passed, ${failed + unexplained} failed, ${skipped} skipped`)
process.exitCode = failed + unexplained === 0 ? 0 : 1
