/** In each worker: what servers leave behind is waited for at once. */
import { adoptOrphans } from '../../tools/harness/orphans';

adoptOrphans();
