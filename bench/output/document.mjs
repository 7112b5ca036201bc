import { readFile, writeFile } from 'node:fs/promises'
import { chapterOf, tableOf } from './table.mjs'

const END = '<!-- up to here -->'

/** The chapters, by the marks that begin what is written here. */
const CHAPTERS = {
  groups: '<!-- what follows is written by npm run bench -- --docs -->',
  dispatch: '<!-- what follows is written by npm run bench -- dispatch --docs -->',
  cluster: '<!-- what follows is written by npm run bench -- cluster --docs -->',
  backends: '<!-- what follows is written by npm run bench -- backends --docs -->',
  page: '<!-- what follows is written by npm run bench -- page --docs -->',
}

const replaced = (document, begin, text, file) => {
  const from = document.indexOf(begin)
  const to = document.indexOf(END, from)
  if (from < 0 || to < 0) throw new Error(`${file} lacks the lines "${begin}" and "${END}"`)
  return `${document.slice(0, from + begin.length)}\n\n${text}\n${document.slice(to)}`
}

/** Puts the table of each chapter of which there are rows between the marks of the document. */
export const intoDocument = async (rows, file) => {
  let document = await readFile(file, 'utf8')
  for (const [chapter, begin] of Object.entries(CHAPTERS)) {
    const mine = rows.filter((row) => chapterOf(row) === chapter)
    if (mine.length > 0) document = replaced(document, begin, tableOf(mine), file)
  }
  await writeFile(file, document)
}
