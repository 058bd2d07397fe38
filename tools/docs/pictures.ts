/**
 * Draws the pictures of the chapters, from the sources in tools/docs/pictures.
 *
 *     npm run pictures
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderPicture } from '../common/svg';
import { PICTURES } from './pictures/index';

for (const [name, draw] of Object.entries(PICTURES)) {
  const file = join('docs', 'pictures', `${name}.svg`);
  writeFileSync(file, renderPicture(draw()));
  console.log(file);
}
