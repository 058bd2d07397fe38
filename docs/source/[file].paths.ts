/**
 * A page for each source file and folder that a chapter leads to.
 */
import {
  filesIn,
  linkBetween,
  linkedSources,
  sourcePageOf,
  textOf,
} from '../.vitepress/repository';

export default {
  paths: () =>
    linkedSources().map((file) => ({
      params: { file: sourcePageOf(file).slice('source/'.length, -3) },
      content: `# \`${file}\`\n\n${contentOf(file)}`,
    })),
};

function contentOf(path: string): string {
  const files = filesIn(path);
  const page = sourcePageOf(path);
  if (files.length > 0) {
    return files
      .map(
        (file) => `- [\`${file}\`](${linkBetween(page, sourcePageOf(file))})`,
      )
      .join('\n');
  }
  const language = /\.(\w+)$/.exec(path)?.[1] ?? 'text';
  return `\`\`\`\`\`${language}:line-numbers\n${textOf(path)}\`\`\`\`\``;
}
