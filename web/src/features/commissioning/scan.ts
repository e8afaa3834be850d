/** Reading codes from the camera: by the browser itself where it can, else by a reader that is loaded only then. */

interface Detected {
  rawValue: string;
}
interface Detector {
  detect: (source: HTMLVideoElement) => Promise<Detected[]>;
}
type DetectorMaker = new (options?: { formats?: string[] }) => Detector;

/** How often a picture is looked at, ms. */
const EVERY_MS = 180;

export class NoCamera extends Error {}

/** Shows the rear camera in `video` and tells every code; returns how to stop. */
export async function scan(video: HTMLVideoElement, told: (code: string) => void): Promise<() => void> {
  if (navigator.mediaDevices === undefined) throw new NoCamera();
  const maker = (window as unknown as { BarcodeDetector?: DetectorMaker }).BarcodeDetector;
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 1280 } }, audio: false });
  } catch {
    throw new NoCamera();
  }
  const stopCamera = (): void => stream.getTracks().forEach((track) => track.stop());
  try {
    if (maker === undefined) {
      const { BrowserMultiFormatReader } = await import('@zxing/browser');
      const controls = await new BrowserMultiFormatReader(undefined, { delayBetweenScanAttempts: EVERY_MS }).decodeFromStream(stream, video, (result) => {
        if (result !== undefined) told(result.getText());
      });
      return () => {
        controls.stop();
        stopCamera();
      };
    }
    video.srcObject = stream;
    await video.play();
    const detector = new maker();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const look = async (): Promise<void> => {
      try {
        const [first] = await detector.detect(video);
        if (first !== undefined && !stopped) told(first.rawValue);
      } catch {
        // A picture that is not there yet: the next one is.
      }
      if (!stopped) timer = setTimeout(() => void look(), EVERY_MS);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
      stopCamera();
    };
  } catch (error) {
    stopCamera();
    throw error;
  }
}
