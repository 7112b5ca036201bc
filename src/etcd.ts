export { etcd } from './backends/etcd/index.ts'
export type { EtcdGroup, EtcdOptions } from './backends/etcd/options.ts'
