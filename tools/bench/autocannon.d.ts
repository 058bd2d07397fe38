/** What is used here of autocannon, which brings no types along. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  namespace autocannon {
    /** One of the load's connections; these are autocannon's own internals. */
    interface Client extends EventEmitter {
      conn: Socket;
      parser: { initialize(type: string): void; finish(): unknown };
      pipelinedRequests: {
        clear(): void;
        size(): number;
        peek(): { body: string } | undefined;
      };
      _connect(): void;
      _doRequest(): void;
      _resetConnection(): void;
      destroy(): void;
    }

    interface Options {
      url: string;
      connections: number;
      /** Seconds. */
      duration: number;
      /** Seconds without an answer. */
      timeout: number;
      /** Milliseconds between two looks whether all clients are done. */
      sampleInt: number;
      setupClient: (client: Client) => void;
      verifyBody: (body: string) => boolean;
    }

    interface Result {
      errors: number;
      mismatches: number;
      non2xx: number;
    }

    interface Run extends EventEmitter, PromiseLike<Result> {}
  }

  function autocannon(options: autocannon.Options): autocannon.Run;
  export = autocannon;
}
