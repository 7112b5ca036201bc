/** A word of a command as a shell reads it: whoever copies the command says that word and nothing else. */
export const forShell = (word: string): string =>
  /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
