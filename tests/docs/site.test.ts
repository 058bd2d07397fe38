/**
 * The course as a site, as a real browser shows it: built once, and looked at
 * where `npm run site` serves it, and under another path of another host.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Program, startProgram } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';
import { descriptorsOf } from '../../tools/kernel/descriptors';
import { readText } from '../../tools/kernel/processes';
import { LABS } from '../../tools/lab/labs';
import {
  openBrowser,
  type Page,
  SITE,
  whatIsLacking,
} from '../support/browser';
import { ask, get, openClient, parseAnswer } from '../support/client';
import {
  type Server,
  startStage,
  toolCommand,
  untilTheLastTest,
} from '../support/server';

const BUILT = 'build/site';
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };

const lacking = whatIsLacking();
if (lacking) test('the site', ({ skip }) => skip(lacking));

describe.skipIf(lacking)('the site', () => {
  const defer = untilTheLastTest();
  /** The command, and where it serves. */
  let site: Program & { port: number };
  /** The same files where somebody else has put them. */
  let elsewhere: string;
  let page: Page;
  /** What has gone wrong in the page since it was asked last. */
  let wrong: string[] = [];

  beforeAll(async () => {
    const program = startProgram(toolCommand('site', ['--port', '0']), defer);
    page = await openBrowser(defer);
    const portOf = () => {
      if (program.exit()) throw new Error(program.output());
      return /live: http:\S+:(\d+)\//.exec(program.output())?.[1];
    };
    const port = await waitFor('the site is served', portOf, 200_000);
    site = { ...program, port: Number(port) };
    elsewhere = await serveUnder('/put/anywhere/', defer);
    page.on('console', (message) => {
      if (/error|warning/.test(message.type())) wrong.push(message.text());
    });
    page.on('pageerror', ({ stack = '' }) => wrong.push(stack));
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      const ours = protocol === 'data:' || hostname === '127.0.0.1';
      if (!ours) wrong.push(request.url());
    });
  }, 240_000);

  const here = (path: string) => `http://127.0.0.1:${site.port}/${path}`;

  /** Opens a page, and waits until it does what one asks of it. */
  async function open(address: string): Promise<void> {
    await page.goto(address);
    // Asked anew each time: what a page is to ask itself, again and again, its
    // policy forbids.
    await waitFor('it is alive', () =>
      page.evaluate<boolean>('!!document.querySelector("#app")?.__vue_app__'),
    );
  }

  function whatWentWrong(): string[] {
    const all = wrong;
    wrong = [];
    return all;
  }

  test('has types that fit', () => {
    const args = ['-p', SITE, '--pretty', 'false'];
    const { stdout } = spawnSync('node_modules/.bin/tsc', args);
    expect(String(stdout)).toBe('');
  });

  // Before the browser has opened anything, which keeps connections.
  test('looks at a server for as long as somebody listens', async () => {
    // A look reads much of /proc. (Who sleeps may be woken: by a compiler that
    // tsx keeps, for one.)
    const bytesRead = () =>
      Number(/^rchar: (\d+)/.exec(readText(`/proc/${site.pid}/io`) ?? '')?.[1]);
    const restsFromLooking = async () => {
      const before = bytesRead();
      await pause(2_000); // more than between two looks
      return bytesRead() - before < 10_000;
    };
    /** By such a descriptor a server is remembered, to learn how it ends. */
    const remembers = () =>
      [...(descriptorsOf(site.pid)?.values() ?? [])].filter((target) =>
        target.includes('pidfd'),
      ).length;
    const client = await openClient(site.port);
    const path = `/live/models?port=${site.port}`;
    client.send(`GET ${path} HTTP/1.1\r\nHost: localhost:${site.port}\r\n\r\n`);
    await waitFor('there is a model', () =>
      client.received().includes('"server":{"pid":'),
    );
    expect(client.received()).toContain(`"server":{"pid":${site.pid},`);
    await waitFor('only this one is watched', () => remembers() === 1);
    client.socket.destroy();
    await waitFor('nobody looks any more', restsFromLooking);
    expect(remembers()).toBe(0);
  });

  test('shows every page without an error, asks nobody else, and scrolls in one direction only', async () => {
    const pages = pagesToLookAt();
    expect(pages).toContain('index.html');
    await page.setViewportSize(PHONE);
    const found: Record<string, unknown> = {};
    for (const file of pages) {
      await open(elsewhere + file);
      const tooWide = await page.evaluate<number>(
        'document.documentElement.scrollWidth - innerWidth',
      );
      const broken = await page.evaluate<string[]>(
        '[...document.images].filter((it) => it.complete && !it.naturalWidth).map((it) => it.src)',
      );
      const all = [...whatWentWrong(), ...broken];
      if (tooWide > 0) all.push(`${tooWide} pixels too wide`);
      if (all.length > 0) found[file] = all;
    }
    expect(found).toEqual({});
  });

  test('finds EINTR, and leads there', async () => {
    await page.setViewportSize(DESK);
    await open(`${elsewhere}exercises/`);
    await page.keyboard.press('Control+k');
    await page.waitForSelector('#localsearch-input');
    await page.keyboard.type('EINTR');
    await page.waitForSelector('.result[href*="3-reaping.html"]');
    await page.click('.result[href*="3-reaping.html"]');
    await page.waitForURL(/\/put\/anywhere\/3-reaping\.html/);
    await page.waitForSelector('text=EINTR is no failure');
    expect(whatWentWrong()).toEqual([]);
  });

  test('goes from page to page under any path', async () => {
    await open(elsewhere);
    await page.click('.VPSidebar >> text=Exercises');
    await page.waitForURL(`${elsewhere}exercises/`);
    await page.click('main >> text=tests/docs/exercises.test.ts');
    await page.waitForURL(
      `${elsewhere}source/tests/docs/exercises.test.ts.html`,
    );
    // This link has been there since the first page.
    await page.click('.VPNavBarMenu >> text=Glossary');
    await page.waitForURL(`${elsewhere}glossary.html`);
    await page.click('.VPSidebar >> text=Start here');
    await page.waitForURL(elsewhere);
    expect(whatWentWrong()).toEqual([]);
  });

  test('is light or dark, as the reader has it', async () => {
    const ground = 'getComputedStyle(document.body).backgroundColor';
    await page.emulateMedia({ colorScheme: 'dark' });
    await open(here(''));
    const dark = await page.evaluate(ground);
    await page.emulateMedia({ colorScheme: 'light' });
    await open(here(''));
    const light = await page.evaluate(ground);
    expect([light, dark]).toEqual(['rgb(255, 255, 255)', 'rgb(13, 17, 23)']);
    await page.click('.VPNavBar .VPSwitchAppearance');
    expect(await page.evaluate(ground)).toBe(dark);
    await page.click('.VPNavBar .VPSwitchAppearance');
  });

  test('copies the commands of a terminal, without the prompt and what came out', async () => {
    await open(here('1-iterative.html'));
    // The one with the queue: three commands, and their output.
    await page.click('details:has-text("for i in 1") > summary');
    await page.click(
      '.terminal:has-text("seq 8"), .terminal:has-text("for i in 1") >> button.copy',
    );
    const copied = await page.evaluate<string>(
      'navigator.clipboard.readText()',
    );
    expect(copied.split('\n')).toEqual([
      expect.stringMatching(/^\(curl -s .*&\); sleep 0.5$/),
      expect.stringMatching(/^for i in 1 2 .*; done$/),
      "ss -ltn 'sport = :8888'",
      expect.stringMatching(/^ss -Htan .*\| uniq -c$/),
    ]);
    expect(await page.textContent('.terminal >> nth=0 >> .lang')).toBe(
      'terminal 1',
    );
  });

  test('copies what is new of a difference', async () => {
    await open(here('2-forking.html'));
    await page.click('.diff-of-stages >> button.copy');
    const copied = await page.evaluate<string>(
      'navigator.clipboard.readText()',
    );
    expect(copied).toContain(
      '\n    const pid = fork();\n    if (pid === 0) {\n',
    );
    expect(copied).not.toMatch(/^[-+@⋯]|start\('part1'/m);
  });

  test('says what a word means when one points at it', async () => {
    await open(here('0-before.html'));
    await page.hover('main >> text=kernel');
    await page.waitForSelector('[role=tooltip]');
    expect(await page.textContent('[role=tooltip]')).toMatch(
      /^The part of the operating system that owns the machine.*\.$/,
    );
  });

  test('plays the lab hang to its end, by keyboard', async () => {
    const player = '.player[aria-label="The lab hang"]';
    await open(here('2-forking.html'));
    await page.click(`${player} >> textarea`);
    await page.keyboard.type('It has its answer, so it leaves.');
    await page.keyboard.press('Enter');
    await page.waitForSelector(`${player} >> .kernel-picture`);
    const over = async () => {
      await page.keyboard.press('ArrowRight');
      return page.evaluate<boolean>(
        `!!document.querySelector('${player} .end')`,
      );
    };
    await waitFor('the lab is over', over);
    const end = await page.textContent(`${player} >> .end`);
    expect(end).toContain('It has its answer, so it leaves.');
    expect(end).toContain(LABS.hang?.conclusion);
    await page.keyboard.press('Home');
    await page.waitForSelector(`${player} >> text=1 / `);
    expect(whatWentWrong()).toEqual([]);
  });

  /** What the live page says, and how many ghosts it draws. */
  function seeLive(): Promise<[sentences: string[], ghosts: number]> {
    return page.evaluate(
      `[[...document.querySelectorAll('.live .says li')].map((it) => it.textContent.trim()),
        document.querySelectorAll('.kernel-picture .actor.dead').length]`,
    );
  }

  /** Gives a server clients that have their answer, and stay. */
  async function serve({ port }: Server, clients: number): Promise<void> {
    for (let i = 0; i < clients; i++) {
      const client = await openClient(port);
      client.send(get('/'));
      await waitFor('there is an answer', () => client.received().length > 0);
    }
  }

  test('shows what part 2 leaks, live', async () => {
    const server = await startStage('part2', ['--quiet']);
    await serve(server, 3);
    await open(here(`live?port=${server.port}`));
    await waitFor('it is said and drawn', async () => {
      const [[connections = '', zombies = ''], ghosts] = await seeLive();
      return (
        ghosts === 3 &&
        connections.startsWith(
          `3 connections are finished, but PID ${server.pid} still has them`,
        ) &&
        zombies.endsWith('has not waited for them: 3 zombies.')
      );
    });
  });

  test('finds nothing wrong with part 3, live', async () => {
    const server = await startStage('part3', ['--quiet']);
    await serve(server, 3);
    await openClient(server.port); // which says nothing
    await open(here(`live?port=${server.port}`));
    await waitFor('nothing is left but a child that serves', async () => {
      const [sentences, ghosts] = await seeLive();
      return ghosts === 0 && sentences.join() === 'Nothing is wrong.';
    });
    expect(whatWentWrong()).toEqual([]);
  });

  test('is for this machine alone, and only looks', async () => {
    const request = async (method: string, path: string, ...head: string[]) => {
      const lines = [
        `${method} ${path} HTTP/1.1`,
        ...head,
        'Connection: close',
      ];
      const answer = await ask(site.port, `${lines.join('\r\n')}\r\n\r\n`);
      return parseAnswer(answer);
    };
    const host = `Host: 127.0.0.1:${site.port}`;
    expect(await request('HEAD', '/live/models?port=1', host)).toMatchObject({
      status: 200,
    });
    for (const [status, ...words] of [
      [405, 'POST', '/live/models?port=1', host],
      [405, 'DELETE', '/', host],
      [403, 'GET', '/', 'Host: evil.example'],
      [403, 'GET', '/live/models?port=1', `Host: evil.example:${site.port}`],
      [403, 'GET', '/live/models?port=1', host, 'Origin: http://evil.example'],
      [403, 'GET', '/live/models?port=1', host, 'Origin: null'],
      [400, 'GET', '/live/models', host],
      [400, 'GET', '/live/models?port=70000', host],
      [404, 'GET', '//', host],
      [404, 'GET', '/../../package.json', host],
      [404, 'GET', '/%2e%2e/%2e%2e/package.json', host],
    ] as [number, string, string, ...string[]][]) {
      const [method, path, ...head] = words as [string, string, ...string[]];
      const answer = await request(method, path, ...head);
      expect({ words, status: answer.status }).toEqual({ words, status });
      expect(answer.body).toMatch(/^.+\n$/);
    }
  });

  test('leads back from a page that is not there', async () => {
    await page.goto(here('no/such/page'));
    await page.click('text=To the beginning of the course');
    await page.waitForURL(here(''));
    // The browser itself reports the 404.
    expect(whatWentWrong()).toEqual([expect.stringContaining('404')]);
  });

  test('says what a port is', async () => {
    await open(here('live'));
    await page.click('#live-port');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('abc');
    await page.waitForSelector('text=A port is a whole number from 1 to 65535');
  });

  test('says in one line that its port is taken', async () => {
    const args = toolCommand('site', ['--port', `${site.port}`]);
    const second = startProgram(args, onTestFinished);
    expect((await second.ended).code).toBe(1);
    expect(second.output()).toMatch(/^site: port \d+ is taken .*\n$/);
  });

  test('empties no folder that holds something else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'no-site-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'precious'), '');
    const args = toolCommand('site', ['--build', folder]);
    const program = startProgram(args, onTestFinished);
    expect((await program.ended).code).toBe(2);
    expect(program.output()).toMatch(/^site: \S+ holds something else .*\n$/);
    expect(readdirSync(folder)).toEqual(['precious']);
  });

  // The last, since it ends the site.
  test('ends at Ctrl-C, while somebody listens', async () => {
    const client = await openClient(site.port);
    const path = '/live/models?port=1';
    client.send(`GET ${path} HTTP/1.1\r\nHost: localhost:${site.port}\r\n\r\n`);
    await waitFor('there is a model', () =>
      client.received().includes('nobody listens'),
    );
    process.kill(site.pid, 'SIGINT');
    expect(await site.ended).toEqual({ code: 0, signal: null });
    expect(client.over()).toBe(true);
  });
});

/** Every page of the course; of those that show source code, one of a kind. */
function pagesToLookAt(): string[] {
  const files = readdirSync(BUILT, { recursive: true, encoding: 'utf8' });
  const kinds = new Set<string>();
  return files.filter((file) => {
    if (!file.endsWith('.html') || file === '404.html') return false;
    if (!file.startsWith('source/')) return true;
    const kind = extname(file.slice(0, -'.html'.length));
    return !kinds.has(kind) && kinds.add(kind);
  });
}

/** What any static host does, with the files in some folder of its own. */
async function serveUnder(
  path: string,
  defer: (step: () => void) => void,
): Promise<string> {
  const { resolve: find } = createRequire(resolve(SITE, 'package.json'));
  const { default: sirv } = await import(find('sirv'));
  const files = sirv(BUILT);
  const server = createServer((request, response) => {
    const { url = '' } = request;
    // Whatever is asked for outside of the folder is not there.
    request.url = url.startsWith(path) ? url.slice(path.length - 1) : '/none';
    files(request, response, () => response.writeHead(404).end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}${path}`;
}
