/** Reading codes from the camera: by the browser itself where it can, else by a reader that is loaded only then. */

interface Detected {
  rawValue: string;
}
interface Detector {
  detect: (source: HTMLVideoElement) => Promise<Detected[]>;
}
interface DetectorMaker {
  new (options?: { formats?: string[] }): Detector;
  getSupportedFormats?: () => Promise<string[]>;
}

/** How often a picture is looked at, ms. */
const EVERY_MS = 180;

/** What labels carry: the browser's own reader is only used where it reads these. */
const FORMATS = ['qr_code', 'code_128'];

/** Why there is no picture. */
export type NoCameraReason = 'none' | 'refused' | 'insecure';

export class NoCamera extends Error {
  constructor(readonly reason: NoCameraReason) {
    super(reason);
  }
}

async function ownReader(): Promise<Detector | null> {
  const maker = (window as unknown as { BarcodeDetector?: DetectorMaker }).BarcodeDetector;
  // Some browsers have the name and read nothing with it.
  const known = (await maker?.getSupportedFormats?.().catch(() => [])) ?? [];
  return maker !== undefined && FORMATS.every((format) => known.includes(format)) ? new maker() : null;
}

/** Shows the rear camera in `video` and tells every code; returns how to stop. */
export async function scan(video: HTMLVideoElement, told: (code: string) => void): Promise<() => void> {
  if (navigator.mediaDevices === undefined) throw new NoCamera('insecure');
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 1280 } }, audio: false });
  } catch (error) {
    throw new NoCamera(error instanceof DOMException && error.name === 'NotAllowedError' ? 'refused' : 'none');
  }
  const stopCamera = (): void => stream.getTracks().forEach((track) => track.stop());
  try {
    const detector = await ownReader();
    if (detector === null) {
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
