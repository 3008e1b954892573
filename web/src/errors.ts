/** A fault told to people: its message is one sentence that says what to do. */
export class PageError extends Error {
  override name = "PageError";
}

/** The sentence of any fault; `context` begins it where the fault is not told for people yet. */
export function sentenceOf(fault: unknown, context: string, advice: string): string {
  if (fault instanceof PageError) return fault.message;
  const reason = fault instanceof Error ? fault.message : String(fault);
  const short = reason.replace(/\s+/g, " ").trim().replace(/\.$/, "").slice(0, 200);
  return `${context} (${short}); ${advice}.`;
}
