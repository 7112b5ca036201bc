/**
 * The predecessors' own names over what this package does, so that a program of theirs can be typed line by line.
 *
 * @module
 */
export { BlocClient, type BlocClientOptions } from './bloc-client.ts'
