/** Every picture, by the name of its file in docs/pictures. */

import type { Picture } from '../../common/svg';
import { life, sharing, signals } from './fork';
import { calls, eventLoop, queue, socketPair } from './network';
import { stages } from './time';

export const PICTURES: Record<string, () => Picture> = {
  'socket-pair': socketPair,
  calls,
  'accept-queue': queue,
  sharing,
  'childs-life': life,
  signals,
  stages,
  'event-loop': eventLoop,
};
