/**
 * All labs, in the order of the course.
 */
import { ITERATIVE } from './1-iterative';
import { FORKING } from './2-forking';
import { REAPING } from './3-reaping';
import type { Lab } from './notebook';

const CHAPTERS = {
  'docs/1-iterative.md': ITERATIVE,
  'docs/2-forking.md': FORKING,
  'docs/3-reaping.md': REAPING,
};

/** A lab, and the chapter that explains it. */
export interface ChapterLab extends Lab {
  chapter: string;
}

/** By their names. */
export const LABS: Record<string, ChapterLab> = Object.fromEntries(
  Object.entries(CHAPTERS).flatMap(([chapter, labs]) =>
    Object.entries(labs).map(([name, lab]) => [name, inChapter(chapter, lab)]),
  ),
);

function inChapter(chapter: string, lab: Lab): ChapterLab {
  return {
    summary: lab.summary,
    chapter,
    plan: inOneLine(lab.plan),
    question: inOneLine(lab.question),
    run: lab.run,
    conclusion: inOneLine(lab.conclusion),
  };
}

function inOneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}
