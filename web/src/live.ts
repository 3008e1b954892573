/** The page's part for the camera: its buttons, its choice, its figures. */

import { Camera, type CameraParts } from "./camera";
import { byId, make } from "./dom";
import { milliseconds } from "./wording";

/** @param say what the page tells of the camera. */
export function showCamera(
  parts: Pick<CameraParts, "look" | "threshold">, say: (sentence: string) => void,
): void {
  const start = byId("camera-start", HTMLButtonElement);
  const stop = byId("camera-stop", HTMLButtonElement);
  const choice = byId("camera-choice", HTMLSelectElement);
  const live = byId("live", HTMLElement);
  const figures = byId("frame-rate", HTMLElement);

  const changed = (running: boolean, sentence?: string): void => {
    const focused = document.activeElement;
    start.hidden = running;
    stop.hidden = live.hidden = !running;
    if (focused === start && running) stop.focus();
    if (focused === stop && !running) start.focus();
    figures.textContent = running ? "Starting …" : "";
    if (sentence !== undefined) say(sentence);
    else say(running ? "The camera is on." : "The camera is off.");
    if (running) void fillChoice(choice);
  };
  const camera = new Camera({
    ...parts,
    canvas: byId("live-canvas", HTMLCanvasElement),
    changed,
    measured: (perSecond, spent) => {
      figures.textContent = `${perSecond.toFixed(1)} frames a second, ${milliseconds(spent)} each`;
    },
  });
  start.addEventListener("click", () => void camera.start(choice.value));
  stop.addEventListener("click", () => camera.stop());
  choice.addEventListener("change", () => {
    if (!camera.running) return;
    camera.stop();
    void camera.start(choice.value);
  });
  void fillChoice(choice);
}

/** Cameras by name; nothing to choose where there is one. */
async function fillChoice(choice: HTMLSelectElement): Promise<void> {
  const cameras = await Camera.list();
  const before = choice.value;
  const options = cameras.map(({ deviceId, label }, k) =>
    make("option", { text: label || `Camera ${k + 1}`, attributes: { value: deviceId } }));
  choice.replaceChildren(make("option", { text: "Any camera", attributes: { value: "" } }), ...options);
  choice.value = cameras.some(({ deviceId }) => deviceId === before) ? before : "";
  byId("camera-choice-part", HTMLElement).hidden = cameras.length < 2;
}
