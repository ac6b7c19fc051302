import type { Client, Device } from '../../device/index.ts';
import type { KernelWork } from './round.ts';

/** What a run needs of its device; every `Device<KernelWork>` is one. */
export interface RunDevice extends Pick<
  Device<KernelWork>,
  'driver' | 'rings' | 'stats' | 'observe' | 'close'
> {
  open(options: Parameters<Device<KernelWork>['open']>[0]): RunClient;
}

/** What a run needs of a client. */
export type RunClient = Pick<Client<KernelWork>, 'submit' | 'stats'>;
