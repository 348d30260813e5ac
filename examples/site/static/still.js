// Whoever asks for less motion sees the first frame of an animation, which is a link that plays it.
if (matchMedia("(prefers-reduced-motion: reduce)").matches)
  for (const moving of document.querySelectorAll('article img[src$=".gif"]'))
    moving.decode().then(() => {
      const still = document.createElement("canvas");
      [still.width, still.height] = [moving.naturalWidth, moving.naturalHeight];
      still.getContext("2d").drawImage(moving, 0, 0);
      const link = document.createElement("a");
      link.href = moving.src;
      link.setAttribute("aria-label", `${moving.alt} (play)`);
      link.append(still);
      moving.replaceWith(link);
    });
