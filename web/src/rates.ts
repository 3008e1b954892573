/** Frames a second and milliseconds a frame, over the last seconds. */

const WINDOW = 2000; // milliseconds: long enough to be steady, short enough to follow

export class FrameRate {
  private frames: { at: number; spent: number }[] = [];

  /** A frame that was finished at `at` and took `spent`, in milliseconds. */
  add(at: number, spent: number): void {
    this.frames.push({ at, spent });
    this.frames = this.frames.filter((frame) => frame.at > at - WINDOW);
  }

  /** Frames a second, or 0 before the second frame. */
  get perSecond(): number {
    if (this.frames.length < 2) return 0;
    const span = this.frames[this.frames.length - 1].at - this.frames[0].at;
    return span > 0 ? (1000 * (this.frames.length - 1)) / span : 0;
  }

  /** Mean of what a frame took. */
  get milliseconds(): number {
    const sum = this.frames.reduce((total, frame) => total + frame.spent, 0);
    return this.frames.length ? sum / this.frames.length : 0;
  }
}
