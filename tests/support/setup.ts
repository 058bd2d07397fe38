/** Before all tests: what is tested is compiled. */
import { compile, STAGES } from '../../tools/harness/stages';

export default function setUp(): void {
  compile(STAGES.part1); // and with it all the others
}
