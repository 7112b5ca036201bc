import { groupOfService } from '../../../src/core/registry/services.ts'
import type { ServiceCount } from '../../../src/core/registry/view.ts'
import type { ServiceView } from '../../../src/ports/registry.ts'
import { path } from '../api.ts'
import { hashOfRoute } from '../model/route.ts'
import { shortJson } from '../model/words.ts'
import { LongList } from '../parts/long-list.tsx'
import { useAnswer } from './use-answer.ts'

export const ServicesPage = ({ name }: { name: string | undefined }) =>
  name === undefined ? <Services /> : <Service key={name} name={name} />

const Services = () => {
  const { value, fault } = useAnswer<{ services: readonly ServiceCount[] }>('/v1/services')
  const services = value?.services ?? []
  return (
    <>
      <h1>Services</h1>
      <p class="fault">{fault}</p>
      {value !== undefined && services.length === 0 && <p>Nobody has registered a service.</p>}
      {services.length > 0 && (
        <section class="card">
          <LongList
            label="Services"
            kind="plain"
            columns={['Service', 'Instances']}
            count={services.length}
            rowHeight={34}
            rowKey={(at) => services[at]?.name ?? ''}
            row={(at) => {
              const { name = '', instances = 0 } = services[at] ?? {}
              return [
                <a key="name" href={hashOfRoute({ page: 'services', name })}>
                  {name}
                </a>,
                instances,
              ]
            }}
          />
        </section>
      )}
    </>
  )
}

const Service = ({ name }: { name: string }) => {
  const { value, fault } = useAnswer<ServiceView>(path`/v1/services/${name}`)
  const instances = value?.instances ?? []
  return (
    <>
      <p class="crumb">
        <a href={hashOfRoute({ page: 'services' })}>Services</a>
      </p>
      <h1>{name}</h1>
      <p>
        <a href={hashOfRoute({ page: 'groups', name: groupOfService(name) })}>Its events and its past</a>
      </p>
      <p class="fault">{fault}</p>
      <section class="card">
        <LongList
          label="Instances"
          kind="plain"
          columns={['Instance', 'Address', 'Status', 'Tags and zone', 'Says of itself']}
          count={instances.length}
          rowHeight={34}
          rowKey={(at) => instances[at]?.id ?? ''}
          row={(at) => {
            const instance = instances[at]
            if (instance === undefined) return []
            const { id, host, port, status, tags = [], zone, metadata } = instance
            return [id, `${host}:${port}`, status, [...tags, zone].filter(Boolean).join(', '), shortJson(metadata)]
          }}
        />
      </section>
    </>
  )
}
