/** An id within a sentence: as it is where it reads as one word, in quotes where it could be taken for a part of the sentence. */
export const quoted = (id: string): string => (/^[\w./:@-]+$/.test(id) ? id : JSON.stringify(id))
