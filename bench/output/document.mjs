import { readFile, writeFile } from 'node:fs/promises'

const BEGIN = '<!-- what follows is written by npm run bench -- --docs -->'
const END = '<!-- up to here -->'

/** Puts the text between the two marks of a document. */
export const intoDocument = async (text, file) => {
  const document = await readFile(file, 'utf8')
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`${file} lacks the lines "${BEGIN}" and "${END}"`)
  await writeFile(file, `${document.slice(0, begin + BEGIN.length)}\n\n${text}\n${document.slice(end)}`)
}
