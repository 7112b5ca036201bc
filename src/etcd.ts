export { etcd } from './backends/etcd/index.ts'
export type { EtcdGroup, EtcdLogger, EtcdOptions } from './backends/etcd/options.ts'
