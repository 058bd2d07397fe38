/**
 * What the site shows besides text.
 */
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import KernelPicture from './KernelPicture.vue';
import Live from './Live.vue';
import Player from './Player.vue';
import './style.css';

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('KernelPicture', KernelPicture);
    app.component('Live', Live);
    app.component('Player', Player);
  },
} satisfies Theme;
