// A page that is opened as a file may start no worker. The search then runs in a hidden frame, which needs no server.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe"), waiting = [];
      const tell = data => frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      this.postMessage = data => waiting.push(data);
      this.terminate = () => frame.remove();
      frame.hidden = true;
      frame.srcdoc = "<!doctype html>";
      frame.addEventListener("load", () => {
        frame.contentWindow.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }));
        const script = frame.contentDocument.createElement("script");
        script.src = url;
        script.addEventListener("load", () => { this.postMessage = tell; waiting.forEach(tell); });
        frame.contentDocument.body.append(script);
      }, { once: true });
      document.body.append(frame);
    }
  };
