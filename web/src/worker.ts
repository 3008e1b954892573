/** The page's worker: opens a Session when asked to start, then answers one photo after another. */
import { sentenceOf } from "./errors";
import { Session } from "./session";
import type { Reply, Request } from "./types";

let session: Session | null = null;

self.addEventListener("message", async ({ data }: MessageEvent<Request>) => {
  try {
    postReply(await reply(data));
  } catch (fault) {
    const context =
      data.kind === "start" ? "The page's network cannot be started" : "This photo was not looked at";
    const sentence = sentenceOf(fault, context, "try a smaller photo, or reload the page");
    postReply({ id: data.id, kind: "fault", sentence });
  }
});

async function reply(request: Request): Promise<Reply> {
  if (request.kind === "start") {
    session = await Session.open(request.page, request.base);
    return { id: request.id, kind: "started", engine: session.engine };
  }
  if (!session) throw new Error("nothing was started");
  return { id: request.id, kind: "answer", answer: await session.look(request.photo) };
}

function postReply(message: Reply): void {
  self.postMessage(message, { transfer: maskBuffers(message) });
}

function maskBuffers(message: Reply): ArrayBuffer[] {
  if (message.kind !== "answer" || message.answer.result.kind !== "detections") return [];
  return message.answer.result.detections.flatMap(({ mask }) =>
    mask ? [mask.shares.buffer as ArrayBuffer] : [],
  );
}
