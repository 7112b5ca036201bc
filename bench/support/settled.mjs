import { sleep } from './figures.mjs'

const put = async (url, body) => {
  const response = await fetch(url, { method: 'PUT', body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(`a renewal was answered by ${JSON.stringify(answer)}`)
  return answer
}

/** So many members over plain HTTP that hold their place in a settled group; for each its path and the renewal that it repeats. */
export const settledShares = async (url, members, group = 'bench') => {
  const paths = Array.from({ length: members }, (_, i) => `/v1/groups/${group}/members/member-${i}`)
  const joins = paths.map((path, i) => put(url + path, { bootId: `boot-${i}`, sequence: 1, share: 'index' }))
  const joined = await Promise.all(joins)
  for (let sequence = 2; ; sequence++) {
    const answers = await Promise.all(
      paths.map((path, i) => {
        const { generation, incarnation } = joined[i]
        return put(url + path, { bootId: `boot-${i}`, sequence, share: 'index', generation, incarnation })
      }),
    )
    if (answers.every(({ index }) => index !== undefined)) {
      return answers.map(({ generation, incarnation, order, index, total, epoch }, i) => ({
        path: paths[i],
        renewal: {
          bootId: `boot-${i}`,
          share: 'index',
          generation,
          incarnation,
          order,
          holding: [{ item: index, epoch, of: total }],
        },
      }))
    }
    await sleep(50)
  }
}
